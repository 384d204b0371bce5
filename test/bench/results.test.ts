import { glob, readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { barChart, lineChart } from '../../bench/support/plot.ts'
import { placed } from '../../bench/support/results.ts'

test('a result replaces the one between its marks, and nothing else', () => {
  const [start, end] = ['<!-- a: written by its measurement -->', '<!-- end of a -->']
  const before = `# Results\n\n${start}\n\nold\n\n${end}\n\n<!-- b: written by its measurement -->\n\n<!-- end of b -->\n`
  const after = placed(before, 'a', '\nnew\n')
  expect(after).toBe(before.replace('old', 'new'))
  expect(placed(after, 'a', 'old')).toBe(before)
  expect(() => placed(before, 'c', 'new')).toThrow('no place for c')
})

test('each measurement that writes its result has a place in RESULTS.md for each server', async () => {
  const folder = new URL('../../bench/', import.meta.url)
  const results = await readFile(new URL('RESULTS.md', folder), 'utf8')
  const names: string[] = []
  for await (const file of glob('*.ts', { cwd: folder })) {
    const text = await readFile(new URL(file, folder), 'utf8')
    names.push(...[...text.matchAll(/openReport\('([\w-]+)', \w+\)/g)].map(([, name = '']) => name))
  }
  expect(names).toContain('same-work')
  for (const name of names) {
    for (const kind of ['mariadb', 'mysql'])
      expect(() => placed(results, `${name} on ${kind}`, 'x'), name).not.toThrow()
  }
})

test('bars are as long as their values, and labels are text', () => {
  const svg = barChart('a & b', 'jobs a second', [
    { label: '<one>', value: 100, ours: true },
    { label: 'two', value: 50 },
  ])
  const [first, second] = [...svg.matchAll(/<rect x=[^>]* width="([\d.]+)"/g)].map(([, width]) => Number(width))
  expect(first).toBeCloseTo(2 * (second ?? 0), 0)
  expect(svg).toContain('a &amp; b')
  expect(svg).toContain('&lt;one>')
})

test('lines grow by the logarithm of their values', () => {
  const svg = lineChart('rows', 'ms', [
    {
      label: 'claim',
      points: [
        [1_000, 1],
        [100_000, 10],
        [10_000_000, 100],
      ],
    },
  ])
  const [, points = ''] = /<polyline points="([^"]+)"/.exec(svg) ?? []
  const [a, b, c] = points.split(' ').map((point) => point.split(',').map(Number) as [number, number])
  expect((a?.[0] ?? 0) + (c?.[0] ?? 0)).toBeCloseTo(2 * (b?.[0] ?? 0), 0)
  expect((a?.[1] ?? 0) + (c?.[1] ?? 0)).toBeCloseTo(2 * (b?.[1] ?? 0), 0)
  expect(a?.[1]).toBeGreaterThan(c?.[1] ?? 0)
})
