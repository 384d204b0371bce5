const collator = new Intl.Collator('en', { numeric: true })

/** As people count, IMG_2 before IMG_10: a browser hands them out as its disk has them. */
export function inOrder<T>(things: readonly T[], nameOf: (thing: T) => string): T[] {
  return things.toSorted((a, b) => collator.compare(nameOf(a), nameOf(b)))
}

/** The files of a drop, those in folders too, and the name of the folder if one was dropped. */
export async function droppedFiles(transfer: DataTransfer): Promise<{ files: File[]; folder: string | undefined }> {
  // The list is empty after the first wait: its entries are asked for before.
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry()).filter((entry) => entry !== null)
  if (entries.length === 0) return { files: inOrder([...transfer.files], ({ name }) => name), folder: undefined }
  const files: File[] = []
  for (const entry of inOrder(entries, ({ name }) => name)) await walk(entry, files)
  const [only] = entries
  return { files, folder: entries.length === 1 && only?.isDirectory ? only.name : undefined }
}

/** Deeper than this is no folder of pictures. */
const deepest = 8

async function walk(entry: FileSystemEntry, files: File[], depth = 0): Promise<void> {
  if (entry.isFile) {
    files.push(await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)))
  } else if (depth < deepest) {
    const reader = (entry as FileSystemDirectoryEntry).createReader()
    const next = () => new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    const inside: FileSystemEntry[] = []
    // A hundred at a time, until none is left.
    for (let some = await next(); some.length > 0; some = await next()) inside.push(...some)
    for (const one of inOrder(inside, ({ name }) => name)) await walk(one, files, depth + 1)
  }
}
