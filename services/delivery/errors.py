"""What delivery refuses (contract, sections 8 and 9)."""
