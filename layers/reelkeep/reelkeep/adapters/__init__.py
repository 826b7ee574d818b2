"""The only code that talks to the world: DynamoDB, S3, Step Functions, SNS, Secrets Manager, providers."""
