import { describe } from 'vitest'
import { hasChromium } from '../support/dev/chromium.ts'
import { journeysOfActing } from './journeys/acting.ts'
import { journeysOfBulk } from './journeys/bulk.ts'
import { journeysOfMaking } from './journeys/making.ts'
import { journeysOfAccess } from './journeys/operating.ts'
import { journeysOfReading } from './journeys/reading.ts'
import { journeysOfSettings } from './journeys/settings.ts'
import { journeysOfSigningIn } from './journeys/signing-in.ts'
import { setUpGround } from './support/ground.ts'

const ground = setUpGround()

describe.runIf(hasChromium)('in a real browser', { timeout: 300_000 }, () => {
  journeysOfMaking(ground)
  journeysOfReading(ground)
  journeysOfActing(ground)
  journeysOfBulk(ground)
  journeysOfSettings(ground)
  journeysOfAccess(ground)
  journeysOfSigningIn(ground)
})
