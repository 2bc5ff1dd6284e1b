"""Methods whose truth is known, for the certificate's slow tests: --plugin files, a class each."""
