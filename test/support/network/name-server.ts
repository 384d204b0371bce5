import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv4 } from 'node:net'

/** What a name server says of a name: nothing at all, a code of failure, or its aliases and addresses. */
export type Zone = 'silence' | { readonly rcode: number } | Records

export interface Records {
  readonly addresses: readonly string[]
  /** The names that lead there, one after the other (CNAME). */
  readonly by?: readonly string[]
  /** Only what is asked for by these types is answered; the rest is met with silence. */
  readonly only?: 'A' | 'AAAA'
}

/** RFC 1035, section 4.1.1. */
export const [serverFailure, noSuchName, refused] = [2, 3, 5] as const

/** A name server on 127.0.0.1 that speaks DNS over UDP. */
export interface NameServer {
  /** As a resolver names it. */
  readonly address: string
  /** The names that were asked for, in the order of asking, once for each query. */
  readonly queries: readonly string[]
  /** Resolves when there have been so many queries of a name. */
  asked(name: string, times: number): Promise<void>
  stop(): Promise<void>
}

/** @param zones by name; others do not exist */
export async function startNameServer(zones: Readonly<Record<string, Zone>>): Promise<NameServer> {
  const queries: string[] = []
  const waiting = new Set<() => void>()
  const socket = createSocket('udp4')
  socket.on('message', (query, { port, address }) => {
    const { name, type, end } = readQuestion(query)
    queries.push(name)
    for (const look of waiting) look()
    const zone = zones[name] ?? { rcode: noSuchName }
    if (zone === 'silence') return
    if ('addresses' in zone && zone.only && zone.only !== type) return
    socket.send(reply(query.subarray(0, end), name, type, zone), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const count = (name: string) => queries.filter((query) => query === name).length
  return {
    address: `127.0.0.1:${socket.address().port}`,
    queries,
    asked: (name, times) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      const look = () => {
        if (count(name) < times) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
      return promise
    },
    stop: () => new Promise((resolve) => socket.close(() => resolve())),
  }
}

function readQuestion(query: Buffer): { name: string; type: 'A' | 'AAAA'; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1) === 28 ? 'AAAA' : 'A', end: at + 5 }
}

function reply(question: Buffer, name: string, type: 'A' | 'AAAA', zone: { readonly rcode: number } | Records): Buffer {
  const records: Buffer[] = []
  if ('addresses' in zone) {
    let owner = name
    for (const next of zone.by ?? []) {
      records.push(record(owner, 5, encodeName(next)))
      owner = next
    }
    for (const address of zone.addresses) {
      if (isIPv4(address) !== (type === 'A')) continue
      records.push(record(owner, type === 'A' ? 1 : 28, type === 'A' ? encodeV4(address) : encodeV6(address)))
    }
  }
  const head = Buffer.from(question.subarray(0, 12))
  head.writeUInt16BE(0x8180 | ('rcode' in zone ? zone.rcode : 0), 2)
  head.writeUInt16BE(records.length, 6)
  head.writeUInt32BE(0, 8)
  return Buffer.concat([head, question.subarray(12), ...records])
}

function record(owner: string, type: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(type, 0)
  fixed.writeUInt16BE(1, 2)
  fixed.writeUInt32BE(60, 4)
  fixed.writeUInt16BE(data.length, 8)
  return Buffer.concat([encodeName(owner), fixed, data])
}

const encodeName = (name: string) =>
  Buffer.concat([
    ...name.split('.').map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`)),
    Buffer.alloc(1),
  ])
const encodeV4 = (address: string) => Buffer.from(address.split('.').map(Number))

/** With one `::` in it. */
function encodeV6(address: string): Buffer {
  const [before = [], after = []] = address.split('::').map((part) => part.split(':').filter((group) => group !== ''))
  const zeros = Array<string>(8 - before.length - after.length).fill('0')
  return Buffer.from([...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join(''), 'hex')
}
