// Starts the server that its arguments name, asks it what the first argument
// lists, [tool, arguments] each, and prints what it offers and answers.
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'

const [questions, command, ...args] = process.argv.slice(2)
const client = new Client({ name: 'test', version: '1' })
await client.connect(new StdioClientTransport({ command, args, env: process.env }))
const { tools } = await client.listTools()
const answers = []
for (const [name, args] of JSON.parse(questions)) answers.push(await client.callTool({ name, arguments: args }))
await client.close()
console.log(JSON.stringify({ server: client.getServerVersion().name, tools: tools.map(t => t.name).sort(), answers }))
