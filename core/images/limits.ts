/** An image may be so large, in bytes. */
export const maxImageBytes = 20_000_000

/** The image of a data URL may be so large, in bytes: with base64 on top it fits the largest request. */
export const maxDataUrlBytes = 4_000_000

/** A download may take so long, redirects included, in milliseconds. */
export const downloadMs = 15_000

/** The body of a download must bring so many bytes in every so many milliseconds, or be at its end: 4 kB a second. */
export const slowestDownload = { bytes: 16_384, ms: 4_000 } as const

/** One call of the bucket may take so long, in milliseconds: 20 MB within a region take about a second. */
export const bucketCallMs = 10_000

/** Bringing an image may take so long, in milliseconds: from its source, and into the bucket. */
export const loadMs = downloadMs + bucketCallMs

/** A URL of an image may have so many characters as it is stored: what the column of vision_jobs holds. */
export const maxUrlLength = 8192
