"""What an audit looks for, one module a theme; ``kitutils.data.auditing`` puts them together."""
