"""The Nexmark queries over a made-up auction site: its events, the queries as pipelines, and answers.

`events` makes the events, `queries` has the pipelines, `reference` the answers by plain loops.
"""
