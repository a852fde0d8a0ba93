// review-bot.mjs DIFF REPORT.md: has an agent review a diff (a file, or `-` for standard input), writes what it found as Markdown, and
// ends with 1 when there is a finding of severity high: then a job in continuous integration fails.

import { readFileSync, writeFileSync } from 'node:fs'

import { Nexus } from 'opencode-nexus'

const TASK = `Review this change. Answer with one line for each finding, nothing else, in this form:
SEVERITY FILE:LINE what is wrong
where SEVERITY is high, medium or low. Answer \`none\` when nothing is wrong.`

// A review that takes longer than this many seconds will not come.
const BOUND = 600

/** What the agent says. It may read the repository and nothing else. */
async function review(diff) {
  const rules = [
    { action: 'read', pattern: '*', decision: 'allow' },
    { action: 'bash', pattern: 'git log*', decision: 'allow' },
  ]
  const nexus = await Nexus.local()
  try {
    const chat = await nexus.conversation({ title: 'Review', permissions: 'deny', questions: 'deny', rules })
    const context = { type: 'context', text: `\`\`\`diff\n${diff}\n\`\`\`` }
    return await chat.prompt([TASK, context], { deadline: BOUND }).text()
  } finally {
    await nexus.close()
  }
}

/** Severity, place, and what is wrong. */
function findings(said) {
  const lines = said.split('\n').map((line) => /^(high|medium|low) (\S+) (.+)$/.exec(line.trim()))
  return lines.filter((found) => found !== null).map(([, severity, place, what]) => ({ severity, place, what }))
}

function markdown(found) {
  if (found.length === 0) return '# Review\n\nNothing was found.\n'
  const rows = found.map(({ severity, place, what }) => `| ${severity} | \`${place}\` | ${what.replaceAll('|', '\\|')} |\n`)
  return `# Review\n\n| severity | place | finding |\n|---|---|---|\n${rows.join('')}`
}

const [diff, report] = process.argv.slice(2)
if (!diff || !report) {
  console.error('this needs a diff and a report: git diff main | review-bot.mjs - review.md')
  process.exit(2)
}
const found = findings(await review(readFileSync(diff === '-' ? 0 : diff, 'utf8')))
writeFileSync(report, markdown(found))
console.log(`${found.length} findings, written to ${report}`)
process.exitCode = found.some(({ severity }) => severity === 'high') ? 1 : 0
