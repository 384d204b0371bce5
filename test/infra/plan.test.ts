import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { deploy, secrets } from './support/deployment.ts'
import { planDifference, planOf, snapshotOf } from './support/plan.ts'

test.each(['url', 'rds'])('what would be made with the defaults, and %s, is what was committed', async (database) => {
  const deployed = await deploy({ env: { DEPLOY_DATABASE: database } })
  const plan = planOf(deployed, 'production')
  // If you meant it: npm run infra:plan -- --update
  expect(planDifference(readFileSync(snapshotOf(database), 'utf8'), plan)).toEqual([])
  expect(plan.match(/^aws Function /gm)).toHaveLength(4)
  for (const secret of Object.values(secrets)) expect(plan).not.toContain(secret)
})

test('a setting shows in the plan, below the resource that it changes, whatever the stage is called', async () => {
  const deployed = await deploy({ stage: 'ann', env: { DEPLOY_DATABASE: 'url', DEPLOY_POLLER_MEMORY: '2048' } })
  const lines = planDifference(readFileSync(snapshotOf('url'), 'utf8'), planOf(deployed, 'ann'))
  const at = lines.indexOf('~ aws Function PollerHandlerFunction')
  expect(lines.slice(at + 1, at + 3)).toEqual(['  - memorySize: 1024', '  + memorySize: 2048'])
  // Another stage keeps nothing, and that shows too.
  expect(lines).toContain('  - (kept when removed)')
})

test('what is gone, what has come and what is as it was', () => {
  const before = 'aws A one\n  x: 1\n\naws B two\n  y: 2\n'
  expect(planDifference(before, before)).toEqual([])
  expect(planDifference(before, 'aws A one\n  x: 3\n\naws C three\n  y: 2\n')).toEqual([
    '~ aws A one',
    '  - x: 1',
    '  + x: 3',
    '- aws B two',
    '+ aws C three',
  ])
})
