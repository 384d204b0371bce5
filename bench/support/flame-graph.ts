import { Session } from 'node:inspector/promises'

/** V8's profile, as `.cpuprofile` files have it. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
    readonly children?: readonly number[] | undefined
  }[]
  readonly samples?: readonly number[] | undefined
  /** Microseconds between samples. */
  readonly timeDeltas?: readonly number[] | undefined
}

/** Profiles this process' JavaScript from now on. @returns a function that ends it */
export async function startProfile(): Promise<() => Promise<CpuProfile>> {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.start')
  return async () => {
    const { profile } = await session.post('Profiler.stop')
    session.disconnect()
    return profile
  }
}

interface Frame {
  readonly name: string
  readonly children: Map<string, Frame>
  /** Its own and that of its callees, in microseconds. */
  time: number
}

const [width, rowHeight, least] = [1_200, 17, 0.5]

/** A flame graph as SVG, the callers on top; each frame's title says what part of the time it took. Idle time is left out. */
export function flameGraph(title: string, profile: CpuProfile): string {
  const root: Frame = { name: 'all', children: new Map(), time: 0 }
  const byId = new Map(profile.nodes.map((node) => [node.id, node]))
  const parentOf = new Map(profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id])))
  for (const [index, id] of (profile.samples ?? []).entries()) {
    const path: string[] = []
    for (let at: number | undefined = id; at !== undefined; at = parentOf.get(at)) {
      const node = byId.get(at)
      if (node) path.unshift(nameOf(node.callFrame))
    }
    if (path.includes('(idle)')) continue
    const time = profile.timeDeltas?.[index] ?? 0
    root.time += time
    let frame = root
    for (const name of path.slice(1)) {
      const next = frame.children.get(name) ?? { name, children: new Map(), time: 0 }
      frame.children.set(name, next)
      next.time += time
      frame = next
    }
  }
  const rectangles: string[] = []
  let deepest = 0
  const draw = (frame: Frame, x: number, depth: number) => {
    const size = (frame.time / (root.time || 1)) * width
    if (size < least) return
    deepest = Math.max(deepest, depth)
    const y = 30 + depth * rowHeight
    const share = ((frame.time / (root.time || 1)) * 100).toFixed(1)
    const label = size > 40 ? escaped(frame.name.slice(0, Math.floor(size / 6.2))) : ''
    rectangles.push(
      `<g><title>${escaped(frame.name)}: ${share} %, ${(frame.time / 1_000).toFixed(0)} ms</title><rect x="${x.toFixed(1)}" y="${y}" width="${size.toFixed(1)}" height="${rowHeight - 1}" fill="${colourOf(frame.name)}"/><text x="${(x + 3).toFixed(1)}" y="${y + 12}">${label}</text></g>`,
    )
    let left = x
    for (const child of [...frame.children.values()].toSorted((one, other) => other.time - one.time)) {
      draw(child, left, depth + 1)
      left += (child.time / (root.time || 1)) * width
    }
  }
  draw(root, 0, 0)
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${40 + (deepest + 1) * rowHeight}" font-family="monospace" font-size="10">
<rect width="100%" height="100%" fill="#fff"/>
<text x="8" y="18" font-size="13">${escaped(title)}, ${(root.time / 1_000).toFixed(0)} ms of work</text>
${rectangles.join('\n')}
</svg>
`
}

/** The functions that took most time themselves, in parts of the whole. */
export function heaviest(profile: CpuProfile, count: number): readonly (readonly [name: string, part: number])[] {
  const names = new Map(profile.nodes.map((node) => [node.id, nameOf(node.callFrame)]))
  const times = new Map<string, number>()
  let all = 0
  for (const [index, id] of (profile.samples ?? []).entries()) {
    const name = names.get(id) ?? ''
    if (name === '(idle)') continue
    const time = profile.timeDeltas?.[index] ?? 0
    all += time
    times.set(name, (times.get(name) ?? 0) + time)
  }
  const sorted = [...times].toSorted(([, one], [, other]) => other - one).slice(0, count)
  return sorted.map(([name, time]) => [name, time / (all || 1)])
}

function nameOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const name = functionName || '(anonymous)'
  const place = url
    .replace(/^.*\/node_modules\//, '')
    .replace(/^file:\/\/.*?\/(?=core|bench|dev|drizzle|functions)/, '')
  return url === '' ? name : `${name} ${place}:${lineNumber + 1}`
}

/** Warm colours, the same for the same name. */
function colourOf(name: string): string {
  let hash = 0
  for (const letter of name) hash = (hash * 31 + letter.charCodeAt(0)) % 997
  return `hsl(${10 + (hash % 45)} 80% ${65 + (hash % 15)}%)`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
