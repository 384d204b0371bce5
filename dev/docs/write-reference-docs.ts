// npm run docs: writes the generated parts of docs/errors.md, docs/api.md, docs/configuration.md and .env.example anew.
import { readFile, writeFile } from 'node:fs/promises'
import { codeTable, jobFieldTable, settingTables, withGenerated, withProviderSettings } from './reference-docs.ts'

const at = (path: string) => new URL(`../../${path}`, import.meta.url)
const read = (path: string) => readFile(at(path), 'utf8')

async function update(path: string, parts: Readonly<Record<string, string>>): Promise<void> {
  let text = await read(path)
  for (const [name, generated] of Object.entries(parts)) text = withGenerated(text, name, generated)
  await writeFile(at(path), text)
}

await writeFile(at('.env.example'), withProviderSettings(await read('.env.example')))
await update('docs/errors.md', { codes: codeTable() })
await update('docs/api.md', { 'job fields': jobFieldTable() })
await update('docs/configuration.md', {
  settings: settingTables(await read('.env.example')),
  deployment: settingTables(await read('.env.deploy.example')),
})
