// quickstart.cjs [PROMPT]: the same as quickstart.mjs, as a CommonJS module.

const { Nexus } = require('opencode-nexus')

async function main(prompt = 'What is in this folder?') {
  const nexus = await Nexus.local()
  try {
    const chat = await nexus.conversation()
    console.log(await chat.prompt(prompt).text())
  } finally {
    await nexus.close()
  }
}

main(process.argv[2])
