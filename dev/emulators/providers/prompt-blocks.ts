/**
 * The text between `<name>` and `</name>` in a prompt: the last one that is not blank, as instructions that only speak
 * of the tags come before what stands in them. A JSON text is read; whatever it says is material and nothing else.
 */
export function block(prompt: string, name: string): string | undefined {
  const text = blocks(prompt, name).at(-1)
  return text?.startsWith('"') ? (readText(text) ?? text) : text
}

/** The JSON object between `<name>` and `</name>`: the last that can be read, with the text it was read from. */
export function jsonBlock(prompt: string, name: string): { text: string; value: object } | undefined {
  for (const text of blocks(prompt, name).reverse()) {
    const value = readObject(text)
    if (value) return { text, value }
  }
  return undefined
}

/** The network that a post is asked for, with what the prompt says of its captions; undefined where it says nothing. */
export function networkIn(instructions: string): { name: string; aim: number; hashtags: number } | undefined {
  const name = /Write a post for ([^.]+?) that goes with/.exec(instructions)?.[1]
  const aim = /caption has about (\d+) characters/.exec(instructions)?.[1]
  const hashtags = /Give (?:\d+ to )?(\d+) hashtags?\./.exec(instructions)?.[1]
  return name && aim && hashtags ? { name, aim: Number(aim), hashtags: Number(hashtags) } : undefined
}

function blocks(prompt: string, name: string): string[] {
  const pattern = new RegExp(`<${name}>((?:(?!<${name}>)[\\s\\S])*?)</${name}>`, 'g')
  return [...prompt.matchAll(pattern)].map((match) => (match[1] ?? '').trim()).filter((text) => text !== '')
}

function readText(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

function readObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
