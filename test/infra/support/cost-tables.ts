import { join } from 'node:path'
import { costTables } from '../../../infra/costs.ts'
import { root } from './platform.ts'

/** Where the tables of costs stand. */
export const costsFile = join(root, 'docs/deploying.md')

/** The text of that file with the tables as they are now. */
export function withCosts(text: string): string {
  const place = /(<!-- costs: .* -->\n)[\s\S]*?(\n<!-- \/costs -->)/
  if (!place.test(text)) throw new Error('docs/deploying.md has no place for the tables of costs')
  return text.replace(place, (_, before: string, after: string) => `${before}\n${costTables()}${after}`)
}
