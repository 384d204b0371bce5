import type { Api } from '../http/app.ts'
import { LimitExceeded } from '../usage/quotas.ts'
import { rateLimitHeaders } from './rate-limit.ts'

/** The description that every server of the API gives. */
export const about: Pick<Api, 'name' | 'info' | 'errorHeaders'> = {
  name: 'vision-pipeline',
  info: {
    title: 'Vision Pipeline',
    version: '1',
    description: 'Brand images in, structured words out: create a job, watch it, read its two outputs.',
    license: { name: 'MIT', identifier: 'MIT' },
  },
  errorHeaders: (error) => (error instanceof LimitExceeded ? rateLimitHeaders(error) : {}),
}
