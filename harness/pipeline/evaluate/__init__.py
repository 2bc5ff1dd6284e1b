"""What is evaluated of a trained model and its texts: a file a view."""
