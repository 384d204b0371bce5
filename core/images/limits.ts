/** The largest image, in bytes. */
export const maxImageBytes = 20_000_000

/** The largest image in a data URL, in bytes: base64-encoded it fits the largest request. */
export const maxDataUrlBytes = 4_000_000

/** The time limit of a download, redirects included, in milliseconds. */
export const downloadMs = 15_000

/** The slowest download that is not aborted: this many bytes in each window of `ms` milliseconds, 4 kB a second. */
export const slowestDownload = { bytes: 16_384, ms: 4_000 } as const

/** The time limit of a call to the bucket, in milliseconds: 20 MB within a region take about a second. */
export const bucketCallMs = 10_000

/** The time limit of loading an image, in milliseconds: from its source, and into the bucket. */
export const loadMs = downloadMs + bucketCallMs

/** The longest stored URL of an image, in characters: the width of the column in vision_jobs. */
export const maxUrlLength = 8192
