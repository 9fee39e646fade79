"""MiniDockNet: a network emulator whose hosts are real computers in miniature."""
