#!/usr/bin/env bash
# Reviews a change with an agent, as a job of continuous integration: writes a report, and fails on a severe finding.
#
#   examples/ci/review.sh BASE [HEAD]
#
# Exit codes: 0 nothing severe, 1 a finding of severity high, others as `nexus run --help` says.
#
# Variables, all optional:
#   NEXUS          the executable                              nexus
#   NEXUS_URL      a running server; otherwise one is started  (none)
#   NEXUS_MODEL    the model, as provider/model                the server's default
#   REPORT         the report in Markdown                      review.md
#   FINDINGS       the findings as JSON                        findings.json
#   REVIEW_SECONDS when to give up                             600
set -euo pipefail

base=${1:?"usage: review.sh BASE [HEAD]"}
head=${2:-HEAD}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
nexus=${NEXUS:-nexus}
report=${REPORT:-review.md}
findings=${FINDINGS:-findings.json}

# A list of its own for each severity: whether the job fails is then a question of one field.
schema='{
  "type": "object",
  "required": ["summary", "high", "low"],
  "additionalProperties": false,
  "properties": {
    "summary": {"type": "string"},
    "high": {"type": "array", "items": {"$ref": "#/$defs/finding"}},
    "low": {"type": "array", "items": {"$ref": "#/$defs/finding"}}
  },
  "$defs": {"finding": {
    "type": "object",
    "required": ["file", "message"],
    "properties": {"file": {"type": "string"}, "line": {"type": "integer"}, "message": {"type": "string"}}
  }}
}'

change=$(git diff --no-color "$base" "$head" --)
if [ -z "$change" ]; then
  echo "nothing has changed between $base and $head"
  exit 0
fi

arguments=(
  --title "Review of $base..$head"
  --output-schema "$schema" --fail-on-field /high
  --report "$report"
  --timeout "${REVIEW_SECONDS:-600}"
  # The agent may look at the repository and at nothing else; it changes nothing.
  --permission deny --allow 'bash:git log*' --allow 'bash:git show*'
)
if [ -n "${NEXUS_MODEL:-}" ]; then
  arguments+=(--model "$NEXUS_MODEL")
fi

code=0
printf '%s\n' "$change" | "$nexus" run "${arguments[@]}" "$(cat "$here/review.txt")" > "$findings" || code=$?

# GitHub shows this file on the page of the job.
if [ -n "${GITHUB_STEP_SUMMARY:-}" ] && [ -f "$report" ]; then
  cat "$report" >> "$GITHUB_STEP_SUMMARY"
fi
case $code in
  0) echo "nothing severe; see $report" ;;
  1) echo "::error::the review has findings of severity high; see $report" ;;
  *) echo "::error::the review could not be done (exit code $code)" ;;
esac
exit "$code"
