/** Where the console is served. */
export const base = '/console'

/** The pages of the console, as its frame leads to them. */
export const places = [
  { path: `${base}/`, name: 'New batch' },
  { path: `${base}/batches`, name: 'Batches' },
  { path: `${base}/jobs`, name: 'Jobs' },
  { path: `${base}/brands`, name: 'Brands' },
  { path: `${base}/usage`, name: 'Usage' },
  { path: `${base}/keys`, name: 'Keys' },
  { path: `${base}/webhooks`, name: 'Webhooks' },
  { path: `${base}/operations`, name: 'Operations' },
] as const
