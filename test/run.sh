#!/usr/bin/env bash
# Runs every test and ends with one plain line of counts. SEEDS: simulated meshes (default 200).
set -uo pipefail
cd "$(dirname "$0")/.."
export SEEDS=${SEEDS:-200}
report=$(mktemp)
trap 'rm -f "$report"' EXIT
npx vitest run --reporter=default --reporter=json --outputFile.json="$report"
status=$?
node -e '
  const report = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"));
  const skipped = report.numPendingTests + report.numTodoTests;
  console.log(`${report.numPassedTests} passed, ${report.numFailedTests} failed, ${skipped} skipped`);
' "$report" || status=1
exit $status
