"""Code shared by engines of all stages: their choice by settings, load, tiers, versions, and child programs."""
