import { join } from 'node:path'
import { root } from './platform.ts'
import type { Deployment } from './run-configuration.ts'

/** Where the plan of a production with its defaults is kept, by `DEPLOY_DATABASE`. */
export const snapshotOf = (database: string) => join(root, 'test/infra/plans', `${database}.txt`)

/** What differs from machine to machine or from commit to commit, and decides nothing. */
const volatile: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{64}/g, '<hash>'],
  [/\/(?:tmp|var\/folders)\/[^\s"']*/g, '<folder>'],
]

/**
 * Every resource that a deployment would make, as lines of text in a fixed order: type and name, then each property. Of an
 * environment only the names, since its values are secrets or come from settings that the functions' own tests look at.
 */
export function planOf(deployment: Deployment, stage: string): string {
  const resources = deployment.resources.filter(({ type }) => !/^(pulumi:|sst:|pulumi-nodejs:)/.test(type))
  const blocks = resources.map(({ type, name, inputs, protect, retainOnDelete, secretInputs }) => {
    const properties = Object.entries(inputs)
      .filter(([key, value]) => !ignored(type, key) && value !== undefined)
      .map(([key, value]) => `  ${key}: ${secretInputs.includes(key) ? secretOf(key, value) : stable(value)}`)
    const kept = [...(protect ? ['  (protected)'] : []), ...(retainOnDelete ? ['  (kept when removed)'] : [])]
    return [`${type.replace(/^(\w+):.*:(\w+)$/, '$1 $2')} ${name}`, ...properties.toSorted(), ...kept].join('\n')
  })
  return (
    `${blocks.toSorted().join('\n\n')}\n`
      .replaceAll(`vision-pipeline-${stage}`, 'vision-pipeline-<stage>')
      // What SST puts behind a name so that it is one of a kind.
      .replaceAll(/(vision-pipeline-<stage>-[A-Za-z0-9]+)-[a-z]{8}\b/g, '$1-<suffix>')
  )
}

/** What SST bundles and uploads is another file with each change of the code. */
function ignored(type: string, key: string): boolean {
  return (
    (type.includes('bucketObject') && ['key', 'source', 'etag', 'sourceHash'].includes(key)) ||
    ['s3Key', 'sourceCodeHash'].includes(key)
  )
}

function secretOf(key: string, value: unknown): string {
  const variables = (value as { variables?: Readonly<Record<string, unknown>> } | null)?.variables
  if (key !== 'environment' || !variables) return '<secret>'
  return `names ${Object.keys(variables).toSorted().join(', ')}`
}

/** JSON with its keys in order. */
function stable(value: unknown): string {
  const text = JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  )
  return volatile.reduce((line, [pattern, instead]) => line.replaceAll(pattern, instead), text)
}

/** The lines that one plan has and the other has not, below the resource that each belongs to. */
export function planDifference(before: string, after: string): string[] {
  const read = (plan: string) =>
    new Map(
      plan
        .trim()
        .split('\n\n')
        .map((block) => [block.split('\n', 1)[0] ?? '', block.split('\n').slice(1)] as const),
    )
  const [old, now] = [read(before), read(after)]
  const lines: string[] = []
  for (const name of [...new Set([...old.keys(), ...now.keys()])].toSorted()) {
    const [had, has] = [old.get(name), now.get(name)]
    if (!had) lines.push(`+ ${name}`)
    else if (!has) lines.push(`- ${name}`)
    else {
      const gone = had.filter((line) => !has.includes(line)).map((line) => `  - ${line.trim()}`)
      const come = has.filter((line) => !had.includes(line)).map((line) => `  + ${line.trim()}`)
      if (gone.length + come.length > 0) lines.push(`~ ${name}`, ...gone, ...come)
    }
  }
  return lines
}
