"""What `generate` puts into a model at once."""

from harness.engine.slots import Decoding


def noted_prefills(monkeypatch):
    """A list that takes the rows of each prefill from now on: the most tokens of each row."""
    prefills, real = [], Decoding._read

    def read(self, rows):
        asked = self.asked
        prefixes = asked.prefixes or [()] * len(asked.prompts)
        most = [len(asked.prompts[row]) + len(prefixes[row]) + asked.most for row in rows]
        prefills.append(most)
        return real(self, rows)

    monkeypatch.setattr(Decoding, "_read", read)
    return prefills
