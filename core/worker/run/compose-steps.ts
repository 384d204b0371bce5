import { randomBytes } from 'node:crypto'
import type { Step } from '../../../drizzle/schema.ts'
import { createBrandLoader } from '../../brands/load.ts'
import type { Database } from '../../database/client.ts'
import type { Run } from '../../domain/run.ts'
import { createByteBudget } from '../../images/budget.ts'
import { maxImageBytes } from '../../images/limits.ts'
import { createImageLoader } from '../../images/load.ts'
import type { ImageStore } from '../../images/store.ts'
import { createSteps, type MeasurePalette } from '../../pipeline/steps.ts'
import type { PollerConfig } from '../../platform/config/poller.ts'
import type { Model } from '../../providers/model.ts'
import { saveImage } from '../../queue/settle/settle.ts'
import type { Steps } from '../options.ts'

/** What the steps are put together from. */
export interface StepParts {
  readonly database: Database
  readonly store: ImageStore
  readonly models: Readonly<Record<Step, Model>>
  readonly allowLoopbackHttp: boolean
  readonly measurePalette?: MeasurePalette | undefined
}

/** The steps of the pipeline with their images, brands and models. An idle poller never loads this. */
export function composeSteps(
  config: Pick<PollerConfig, 'POLLER_IMAGE_MEGABYTES' | 'IMAGE_USER_AGENT'>,
  { database, store, models, allowLoopbackHttp, measurePalette }: StepParts,
): Steps {
  const imageBytes = config.POLLER_IMAGE_MEGABYTES * 1_000_000
  return createSteps<Run>(
    {
      image: createImageLoader({
        database,
        store,
        // Half of it at most for one user, so that there is always room for another's.
        budget: createByteBudget(imageBytes, Math.max(maxImageBytes, imageBytes / 2)),
        link: (run: Run, imageId) => saveImage(database, run, imageId),
        allowLoopbackHttp,
        userAgent: config.IMAGE_USER_AGENT,
      }),
      brand: createBrandLoader(database),
    },
    models,
    randomBytes,
    measurePalette,
  )
}
