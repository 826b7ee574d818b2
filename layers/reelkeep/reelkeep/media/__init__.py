"""What a media file says about itself, and whether it is what it claims to be, learned while its bytes pass by."""
