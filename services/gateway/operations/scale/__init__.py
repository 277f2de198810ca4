"""What an autoscaler is told: `externalscaler.ExternalScaler`, the contract of KEDA."""
