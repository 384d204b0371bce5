/** Types for the used parts of packages without types. */

declare module 'heic-decode' {
  /** @returns the first image of the file, turned as the file says, as RGBA; rejects what is not HEIC or HEIF. */
  export default function decode(input: {
    buffer: Uint8Array
  }): Promise<{ width: number; height: number; data: Uint8ClampedArray }>
}
