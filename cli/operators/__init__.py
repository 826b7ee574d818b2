"""What those do who operate a stack: they have the AWS account that it runs in, or the local cloud."""
