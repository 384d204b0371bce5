import dns from 'node:dns'
import { Socket } from 'node:net'
import { afterAll, expect } from 'vitest'

// The files of a worker share its process: what one of them leaves changed, the next one would run on.
const replaceable = () => ({
  connect: Socket.prototype.connect,
  lookup: dns.lookup,
  write: process.stdout.write,
  setTimeout: globalThis.setTimeout,
  setInterval: globalThis.setInterval,
  now: Date.now,
  // By its name: beside what core/http/fetch declares, @hono/node-server replaces these globals whenever it is loaded.
  isLightFetch: Headers.name === 'LightHeaders',
})
// Powertools and sharp note themselves there when they are loaded.
const theirs = ['AWS_SDK_UA_APP_ID', 'VIPSHOME']

const found = replaceable()
const environment = { ...process.env }

afterAll(() => {
  const names = new Set([...Object.keys(environment), ...Object.keys(process.env)])
  // The names alone: the values may be secrets.
  const changed = [...names].filter((name) => process.env[name] !== environment[name] && !theirs.includes(name))
  expect(changed, 'variables of the environment that the file leaves changed').toEqual([])
  expect(replaceable(), 'what the file leaves replaced').toEqual(found)
})
