"""The REST API, version 1: what programs do for a user, below /api/v1 on the host of the user's organisation.

`operations` has every address; `shapes` what is sent and answered, from which requests are validated and the OpenAPI
document is made (`openapi`). docs/api.md has it for who writes programs.
"""
