const width = 360

/** A picture in little, and its size in pixels as it is shown; undefined if this browser cannot show it. */
export async function drawThumbnail(
  file: Blob,
): Promise<{ readonly thumbnail: string; readonly size: { width: number; height: number } } | undefined> {
  const bitmap = await createImageBitmap(file).catch(() => undefined)
  if (bitmap === undefined) return undefined
  try {
    const size = { width: bitmap.width, height: bitmap.height }
    const scale = Math.min(1, width / size.width)
    const canvas = new OffscreenCanvas(Math.max(1, size.width * scale), Math.max(1, size.height * scale))
    canvas.getContext('2d')?.drawImage(bitmap, 0, 0, canvas.width, canvas.height)
    const small = await canvas.convertToBlob({ type: 'image/webp', quality: 0.8 })
    return { thumbnail: URL.createObjectURL(small), size }
  } finally {
    bitmap.close()
  }
}
