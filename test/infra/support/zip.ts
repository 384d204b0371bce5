import { readFileSync } from 'node:fs'

/** The names of the files in a ZIP, as its central directory has them (APPNOTE.TXT, 4.3.12). */
export function namesInZip(file: string): string[] {
  const bytes = readFileSync(file)
  const names: string[] = []
  const entry = Buffer.from('PK\x01\x02', 'latin1')
  for (let at = bytes.indexOf(entry); at >= 0; at = bytes.indexOf(entry, at + 46)) {
    names.push(bytes.toString('utf8', at + 46, at + 46 + bytes.readUInt16LE(at + 28)))
  }
  // A folder has an entry of its own.
  return names.filter((name) => !name.endsWith('/'))
}
