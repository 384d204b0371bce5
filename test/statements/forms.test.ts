import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const docs = join(import.meta.dirname, '../../docs')
const statements = readFileSync(join(docs, 'statements.sql'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('--'))
const table = readFileSync(join(docs, 'vitess.md'), 'utf8').matchAll(/^\| (?!form|-)([^|]+?) \|/gm)

/** What Vitess takes differently: the first form that a statement has is its own. */
const forms: Readonly<Record<string, RegExp>> = {
  session: /^(BEGIN|COMMIT|ROLLBACK|SET SESSION|SHOW VITESS_TARGET|SELECT (@@|VERSION))/,
  'skip ids': /^(ALTER TABLE \S+ AUTO_INCREMENT|SHOW CREATE TABLE|SELECT .*information_schema)/i,
  doctor: /^SHOW SESSION/,
  'locking read, skips locked rows': /^\(?select .* for update (skip locked|nowait)/i,
  'locking read': /^\(?select .* for (update|share)/i,
  'update of joined rows': /^update .* \w*join /i,
  update: /^update (?!.* (\w*join|limit) )/i,
  'delete of joined rows': /^delete \S+ from .* \w*join /i,
  'delete, limited': /^(delete from|update) (?!.* \w*join ).* limit /i,
  delete: /^delete from (?!.* (\w*join|limit) )/i,
  'insert or update': /^insert into .* on duplicate key update /i,
  insert: /^insert (ignore )?into /i,
  'read of several branches': /^\(?select .* union all /i,
  'read of joined rows': /^\(?select .* \w*join /i,
  read: /^\(?select /i,
}
const formOf = (statement: string) => Object.entries(forms).find(([, pattern]) => pattern.test(statement))?.[0]

test('each statement has a form that docs/vitess.md knows, and each form has a statement', () => {
  expect(statements.filter((statement) => formOf(statement) === undefined)).toEqual([])
  expect([...new Set(statements.map(formOf))].toSorted()).toEqual(Object.keys(forms).toSorted())
  expect([...table].map(([, name]) => name).toSorted()).toEqual(Object.keys(forms).toSorted())
})

test('nothing is sent that Vitess has no way for', () => {
  for (const word of [/ procedure | call /i, / into outfile /i, /\bget_lock\b/i, / natural join /i, /^replace /i]) {
    expect(statements.filter((statement) => word.test(statement))).toEqual([])
  }
})
