"""What engines of all stages share: their choice by settings, their load, tiers, versions, and child programs."""
