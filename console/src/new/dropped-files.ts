const collator = new Intl.Collator('en', { numeric: true })

/** As people count, IMG_2 before IMG_10: a browser hands them out as its disk has them. */
export function inOrder<T>(things: readonly T[], nameOf: (thing: T) => string): T[] {
  return things.toSorted((a, b) => collator.compare(nameOf(a), nameOf(b)))
}

interface Dropped {
  readonly files: readonly File[]
  /** The name of the folder, if one was dropped. */
  readonly folder?: string | undefined
  /** The folders that lie too deep to be looked into. */
  readonly tooDeep: readonly string[]
}

/** The files of a drop, those in folders too. */
export async function droppedFiles(transfer: DataTransfer): Promise<Dropped> {
  // The list is empty after the first wait: its entries are asked for before.
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry()).filter((entry) => entry !== null)
  if (entries.length === 0) return { files: inOrder([...transfer.files], ({ name }) => name), tooDeep: [] }
  const files: File[] = []
  const tooDeep: string[] = []
  for (const entry of inOrder(entries, ({ name }) => name)) await walk(entry, files, tooDeep)
  const [only] = entries
  return { files, folder: entries.length === 1 && only?.isDirectory ? only.name : undefined, tooDeep }
}

/** Folders within each other that are looked into: deeper is no folder of pictures. */
export const deepest = 8

async function walk(entry: FileSystemEntry, files: File[], tooDeep: string[], depth = 0): Promise<void> {
  if (entry.isFile) {
    files.push(await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)))
  } else if (depth >= deepest) {
    tooDeep.push(entry.fullPath)
  } else {
    const reader = (entry as FileSystemDirectoryEntry).createReader()
    const next = () => new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    const inside: FileSystemEntry[] = []
    // A hundred at a time, until none is left.
    for (let some = await next(); some.length > 0; some = await next()) inside.push(...some)
    for (const one of inOrder(inside, ({ name }) => name)) await walk(one, files, tooDeep, depth + 1)
  }
}
