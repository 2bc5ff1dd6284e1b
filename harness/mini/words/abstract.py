"""Abstracts: properties of fictional methods, and how they performed."""

from harness.mini.words.wording import Pool, Wording, split

MANNERS = Pool(
    split(
        "Sparse | Lazy | Deep | Modular | Causal | Nested | Quiet | Layered | Shared | Local"
        " | Greedy | Smooth | Dual | Elastic"
    ),
    split("Frugal | Braided"),
)
METHODS = Pool(
    split(
        "Lattices | Networks | Kernels | Trees | Mixtures | Graphs | Prompts | Tensors | Agents"
        " | Encoders | Bandits | Oracles | Particles | Filters"
    ),
    split("Grammars | Ledgers"),
)
DOMAINS = Pool(
    split(
        "River Maps | Hospital Notes | Crop Photos | Traffic Logs | Folk Songs | Court Records"
        " | Bird Calls | Street Scenes | Old Letters | Market Prices | Weather Charts"
        " | Robot Arms | School Essays | Medical Scans | Night Skies | Power Grids"
    ),
    split("Whale Tracks | Cave Paintings"),
)
WORDING = Wording(
    aspects=split(
        "recall | speed | memory | accuracy | scaling | stability | transfer"
        " | robustness | coverage | latency | training | pruning | sampling | ranking"
        " | parsing | planning | search | fusion | tracking | alignment | calibration"
        " | clustering | retrieval | translation | grounding | tuning | decoding"
        " | routing | labelling | forecasting | compression | detection | matching"
        " | precision | reuse | diversity | denoising | hashing | segmentation"
        " | caching | batching | indexing | smoothing"
    ),
    good=Pool(
        split(
            "improves on three public sets | holds for larger inputs | beats the usual baseline"
            " | needs half the examples | grows with the data | carries over to new domains"
            " | matches the theory | stays flat under noise | works with no extra cost"
            " | agrees with human judges | reaches the best known score | saves one full pass"
            " | converges in a few steps | is easy to explain | survives heavy noise"
            " | follows from a short proof | gains ten points"
        ),
        split("defies the folk theorem | sets a fresh record | needs no oracle calls"),
    ),
    bad=Pool(
        split(
            "drops on short inputs | varies between seeds | fails on rare classes"
            " | costs a second pass | depends on the order of the data | needs many examples"
            " | breaks under noise | lags behind the baseline | is hard to explain"
            " | falls apart on long inputs | remains open in theory | requires careful setup"
            " | loses ten points | slows down with size | lacks a proof | saturates too early"
        ),
        split("collapses on mirrored inputs | resists every remedy | eludes our bounds"),
    ),
    people=Pool(
        split(
            "our first study | a second team | the appendix | an earlier paper | a large survey"
            " | the reviewers | a user study | our partner lab | the full table | a blind test"
        ),
        split("an archival study | the lemma"),
    ),
    when=Pool(
        split(
            "in most cases | across five runs | on the test set | at a small scale | in practice"
            " | with default settings | on public data | under a fixed budget | for all sizes"
            " | in the limit | at deployment time | with few examples | on two languages"
            " | in simulation | without supervision"
        ),
        split("on mirrored data | in a field trial"),
    ),
    good_ends=Pool(
        split(
            "which supports our claim | as the theory predicts | so we keep it"
            " | and the gap is wide | which is new | and this holds twice"
            " | so the cost is low | as we had hoped | which helps in the field"
        ),
        split("which settles the debate | as the lemma says"),
    ),
    bad_ends=Pool(
        split(
            "which limits the claim | as others have found | so we leave it open"
            " | and the gap is wide | which calls for care | and we cannot say why"
            " | so the cost is high | as we had feared | which hurts in the field"
        ),
        split("which reopens the debate | so caution is due"),
    ),
    tails=Pool(
        split(
            "for this size | on all sets | in our tests | in this setting | at low cost"
            " | under load | for a first step | so far"
        ),
        split("for its age | by any measure"),
    ),
    intro=Pool(
        split(
            "We study {subject} in a simple setting"
            " | This paper looks at {subject} from a new angle"
            " | The use of {subject} has grown in recent years"
            " | Little is known about {subject} in the wild"
            " | Our topic is {subject} and its many uses"
            " | Past work on {subject} left several gaps"
        ),
        split("The folklore on {subject} is thin | We revisit {subject} after a decade"),
    ),
    wrap=Pool(
        split(
            "{subject} deserve more study | we recommend {subject} to others"
            " | the case for {subject} is open but hopeful | {subject} do what they promise"
            " | we see a future for {subject} | our view of {subject} has changed"
        ),
        split("{subject} merit a workshop | the ledger favours {subject}"),
    ),
)
