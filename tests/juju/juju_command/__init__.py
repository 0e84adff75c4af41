"""A stand-in for the command `juju`, for integration tests where there is no Juju.

It is not Juju, and runs no controller, machine, cluster or workload. Jubilant calls it as it calls
Juju: each subcommand is a process of its own, whose arguments go to a `Controller`. That deploys
packed charms on `hook_environment`, where a unit's hooks run in processes of their own. A
subcommand, option or command on a unit that it does not have fails, and says so.

Its time is not the clock's: it passes while a test sleeps, at once. The pytest plugin
`juju_command.plugin` starts it for one run of pytest.

Each rule of Juju's that it keeps stands beside the page of Juju's reference it was read from, as a
path below https://documentation.ubuntu.com/juju/3.6/reference/. What a subcommand prints in JSON
is in no reference: it has the form that Jubilant reads, in its `statustypes`, `unittypes` and
`Task`. Messages of errors are those of Juju's source, in `cmd/juju`.
"""
