import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { root } from './support/platform.ts'

/** The complaints of the compiler about a project, as `file(line,column): error …`. */
async function complaints(project: string): Promise<string[]> {
  const tsc = join(root, 'node_modules/.bin/tsc')
  const { stdout } = await promisify(execFile)(tsc, ['-p', project], { cwd: root }).catch(
    (error: { stdout?: string }) => ({ stdout: error.stdout ?? String(error) }),
  )
  return stdout.split('\n').filter((line) => line.includes('error'))
}

test('sst.config.ts and infra/ fit SST’s own types, which notice what is not in them', async () => {
  const folder = mkdtempSync(join(root, '.sst/types-'))
  try {
    const wrong = [
      "new sst.aws.Function('A', { handler: 'a.handler', runtime: 'nodejs23.x' })",
      "new sst.aws.Function('B', { handler: 'b.handler', timeOut: '3 seconds' })",
      "new sst.aws.CronV2('C', { schedule: 'every minute', function: 'c.handler' })",
      "new aws.cloudwatch.MetricAlarm('D', { threshold: 'high' })",
    ]
    writeFileSync(join(folder, 'wrong.ts'), `${wrong.join('\n')}\nexport {}\n`)
    // All that infra/tsconfig.json has, and the mistakes beside it.
    const include = ['wrong.ts', '../../sst.config.ts', '../../infra']
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: '../../infra/tsconfig.json', include }))
    const found = await complaints(folder)
    const ofMistakes = (complaint: string) => complaint.includes('wrong.ts(')
    expect(found.filter((complaint) => !ofMistakes(complaint))).toEqual([])
    const lines = new Set(found.filter(ofMistakes).map((complaint) => /wrong\.ts\((\d+),/.exec(complaint)?.[1]))
    expect([...lines].toSorted()).toEqual(['1', '2', '3', '4'])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
