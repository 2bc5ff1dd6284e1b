"""What runs will cost: arithmetic from shapes, sizes and rates; no data, weights or network."""
