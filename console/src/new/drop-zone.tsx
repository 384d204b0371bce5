import { useEffect, useRef, useState } from 'preact/hooks'
import { Icon } from '../ui/icon.tsx'
import { droppedFiles, inOrder } from './dropped-files.ts'

const types = 'image/png,image/jpeg,image/webp,image/heic,image/heif,.heic,.heif,.csv,.tsv,text/csv'

/** Every browser has it, and the standard does not. */
const wholeFolder = { webkitdirectory: true }

interface DropZoneProps {
  /** @param tooDeep the folders of a drop that lie too deep to be looked into */
  readonly add: (files: readonly File[], folder?: string, tooDeep?: readonly string[]) => void
}

/** Takes files by drop, anywhere on the page, by choice, or by paste. */
export function DropZone({ add }: DropZoneProps) {
  const files = useRef<HTMLInputElement>(null)
  const folder = useRef<HTMLInputElement>(null)
  const [hovering, setHovering] = useState(false)
  const latest = useRef(add)
  latest.current = add
  useEffect(() => {
    const over = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes('Files')) return
      event.preventDefault()
      setHovering(true)
    }
    const leave = (event: DragEvent) => event.relatedTarget === null && setHovering(false)
    const drop = async (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes('Files')) return
      event.preventDefault()
      setHovering(false)
      const dropped = await droppedFiles(event.dataTransfer)
      latest.current(dropped.files, dropped.folder, dropped.tooDeep)
    }
    const paste = (event: ClipboardEvent) => {
      const pasted = [...(event.clipboardData?.files ?? [])]
      if (pasted.length > 0) latest.current(pasted)
    }
    addEventListener('dragover', over)
    addEventListener('dragleave', leave)
    addEventListener('drop', drop)
    addEventListener('paste', paste)
    return () => {
      removeEventListener('dragover', over)
      removeEventListener('dragleave', leave)
      removeEventListener('drop', drop)
      removeEventListener('paste', paste)
    }
  }, [])
  const chosen = (event: { currentTarget: HTMLInputElement }) => {
    const { files: list } = event.currentTarget
    const [first] = list ?? []
    const files = inOrder([...(list ?? [])], ({ webkitRelativePath, name }) => webkitRelativePath || name)
    add(files, first?.webkitRelativePath.split('/').at(-2))
    // The same files may be chosen again.
    event.currentTarget.value = ''
  }
  return (
    <div class={`drop ${hovering ? 'over' : ''}`}>
      <div>
        <p>{hovering ? 'Let go to add them' : 'Drop images, a folder or a CSV'}</p>
        <p class="dim">
          PNG, JPEG, WebP or HEIC, up to 20 MB each; of a CSV the columns file or url, sku, and facts by their names
        </p>
      </div>
      <span class="row end">
        <button type="button" class="btn" onClick={() => files.current?.click()}>
          <Icon name="plus" />
          Choose files
        </button>
        <button type="button" class="btn plain" onClick={() => folder.current?.click()}>
          Choose a folder
        </button>
      </span>
      <input ref={files} type="file" multiple accept={types} hidden aria-label="Files" onChange={chosen} />
      <input ref={folder} type="file" multiple {...wholeFolder} hidden aria-label="Folder" onChange={chosen} />
    </div>
  )
}
