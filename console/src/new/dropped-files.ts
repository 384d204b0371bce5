/** The files of a drop, those in folders too, and the name of the folder if one was dropped. */
export async function droppedFiles(transfer: DataTransfer): Promise<{ files: File[]; folder: string | undefined }> {
  // The list is empty after the first wait: its entries are asked for before.
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry()).filter((entry) => entry !== null)
  if (entries.length === 0) return { files: [...transfer.files], folder: undefined }
  const files: File[] = []
  for (const entry of entries) await walk(entry, files)
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
    // A hundred at a time, until none is left.
    for (let some = await next(); some.length > 0; some = await next()) {
      for (const one of some) await walk(one, files, depth + 1)
    }
  }
}
