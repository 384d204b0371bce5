import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { imports, root, within } from './support/imports.ts'

// What `npm start` runs and what is deployed is one wiring. What each is given by its environment: test/infra/wiring.test.ts.

const isEntry = (file: string) => /^functions\/(api|stream|poller)\.ts$/.test(file)
/** Emulators, pictures and documentation are around the product. */
const isStack = (file: string) => within('dev')(file) && !/^dev\/(emulators|sample|docs)\//.test(file)
const ofCore = (from: (file: string) => boolean) =>
  new Set(imports.filter((one) => !one.isType && from(one.from) && within('core')(one.to)).map(({ to }) => to))

describe('the local stack', () => {
  test('is made of what the functions are made of, but for what is Lambda’s', () => {
    const stack = ofCore(isStack)
    expect([...ofCore(isEntry)].filter((part) => !stack.has(part)).toSorted()).toEqual([
      // Part of composeApi where the API streams itself.
      'core/api/compose-streams.ts',
      // Node's own takes 56 ms to load, which a cold start pays.
      'core/http/fetch/install.ts',
      // Tells the latency of calls that wait from that of others, for a metric.
      'core/http/prefer.ts',
      // Workers are functions that are invoked there, and rung by a bell here.
      'core/worker/wake/wake-functions.ts',
    ])
  })

  test('has of what does the work no part that the functions do not get it from', () => {
    const rooms = ['admin', 'api', 'batches', 'brands', 'live', 'pipeline', 'queue', 'usage', 'webhooks', 'worker']
    const works = (part: string) => rooms.some((room) => within(`core/${room}`)(part))
    expect([...ofCore(isStack)].filter(works).toSorted()).toEqual([
      'core/api/compose.ts',
      'core/worker/create-poller.ts',
      'core/worker/schedule.ts',
      'core/worker/wake/bell.ts',
    ])
  })

  test('gives the API and the worker what the functions give them, and more only where it says so', () => {
    const api = [optionsOf('composeApi', 'functions/api.ts'), optionsOf('composeApi', 'dev/stack.ts')] as const
    expect(differenceOf(...api)).toEqual({
      // A call without a token from this machine is one of the user `local`.
      more: ['admit', 'keyForReference'],
      less: [],
    })
    const poller = [
      optionsOf('createPoller', 'functions/poller.ts'),
      optionsOf('createPoller', 'dev/stack.ts'),
    ] as const
    // Commands of this machine ring the bell; a decoder of images measures palettes, which the bundles do not have.
    expect(differenceOf(...poller)).toEqual({ more: ['bell', 'measurePalette'], less: [] })
  })
})

/** The names of the options that a file gives to a function of core, whose call must be there once. */
function optionsOf(name: string, file: string): readonly string[] {
  const calls = readFileSync(join(root, file), 'utf8').split(`${name}(`).slice(1)
  expect([file, calls.length]).toEqual([file, 1])
  const options = literalIn(calls[0] ?? '')
  // Only what stands at the first level: the outermost braces, without what is in further ones.
  let text = options
  for (let before = ''; before !== text; ) {
    before = text
    text = text.replaceAll(/\([^()]*\)|\{[^{}]*\}|\[[^[\]]*\]/g, '')
  }
  const names = text
    .replaceAll(/\/\/.*$/gm, '')
    .split(',')
    .map((part) => /^\s*(\w+)/.exec(part)?.[1])
  return names.flatMap((one) => one ?? [])
}

/** The text within the first braces, however deep others are in them. */
function literalIn(call: string): string {
  const start = call.indexOf('{')
  let depth = 0
  for (let at = start; at < call.length; at++) {
    if (call[at] === '{') depth++
    if (call[at] === '}' && --depth === 0) return call.slice(start + 1, at)
  }
  throw new Error(`no options in ${call.slice(0, 80)}`)
}

function differenceOf(deployed: readonly string[], local: readonly string[]) {
  const without = (some: readonly string[], others: readonly string[]) =>
    some.filter((one) => !others.includes(one)).toSorted()
  return { more: without(local, deployed), less: without(deployed, local) }
}
