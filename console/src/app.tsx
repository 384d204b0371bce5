import { type ComponentChildren, Fragment } from 'preact'
import { useEffect } from 'preact/hooks'
import { LocationProvider, lazy, Route, Router, useLocation } from 'preact-iso'
import { NewPage } from './new/page.tsx'
import { base, places } from './places.ts'
import { access, reached, signedInBy, signOut } from './session.ts'
import { SignIn } from './sign-in/dialog.tsx'
import { Icon } from './ui/icon.tsx'
import { Shortcuts, showShortcuts } from './ui/shortcuts.tsx'
import { isSlow } from './ui/slow.ts'
import { switchTheme } from './ui/theme.ts'

const BatchesPage = lazy(() => import('./batch/list.tsx').then(({ BatchesPage }) => BatchesPage))
const BatchPage = lazy(() => import('./batch/page.tsx').then(({ BatchPage }) => BatchPage))

const JobsPage = lazy(() => import('./jobs/page.tsx').then(({ JobsPage }) => JobsPage))
const JobPage = lazy(() => import('./job/page.tsx').then(({ JobPage }) => JobPage))
const BrandsPage = lazy(() => import('./brands/list.tsx').then(({ BrandsPage }) => BrandsPage))
const BrandPage = lazy(() => import('./brands/page.tsx').then(({ BrandPage }) => BrandPage))
const UsagePage = lazy(() => import('./usage/page.tsx').then(({ UsagePage }) => UsagePage))
const KeysPage = lazy(() => import('./keys/page.tsx').then(({ KeysPage }) => KeysPage))
const WebhooksPage = lazy(() => import('./webhooks/list.tsx').then(({ WebhooksPage }) => WebhooksPage))
const WebhookPage = lazy(() => import('./webhooks/page.tsx').then(({ WebhookPage }) => WebhookPage))
const OperationsPage = lazy(() => import('./operations/page.tsx').then(({ OperationsPage }) => OperationsPage))

/** The console: its frame, and the page that the address names. */
export function App() {
  return (
    <LocationProvider scope={base}>
      <Frame>
        <Router onRouteChange={toTop}>
          <Route path={`${base}/`} component={NewPage} />
          <Route path={`${base}/batches`} component={BatchesPage} />
          <Route path={`${base}/batches/:id`} component={BatchPage} />
          <Route path={`${base}/jobs`} component={JobsPage} />
          <Route path={`${base}/jobs/:id`} component={JobPage} />
          <Route path={`${base}/brands`} component={BrandsPage} />
          <Route path={`${base}/brands/:id`} component={BrandPage} />
          <Route path={`${base}/usage`} component={UsagePage} />
          <Route path={`${base}/keys`} component={KeysPage} />
          <Route path={`${base}/webhooks`} component={WebhooksPage} />
          <Route path={`${base}/webhooks/:id`} component={WebhookPage} />
          <Route path={`${base}/operations`} component={OperationsPage} />
          <Route default component={NotFound} />
        </Router>
      </Frame>
    </LocationProvider>
  )
}

function Frame({ children }: { readonly children: ComponentChildren }) {
  const { path } = useLocation()
  // On a phone the places are a row that is moved sideways.
  useEffect(() => {
    const show = () =>
      document.querySelector('nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' })
    show()
    addEventListener('resize', show)
    return () => removeEventListener('resize', show)
  }, [path])
  // The router leaves the last slash out.
  const isAt = (place: string) => (place === `${base}/` ? path === base || path === place : path.startsWith(place))
  return (
    <>
      <a class="vh btn" href="#main">
        Skip to content
      </a>
      <header class="top">
        <a class="brand" href={`${base}/`}>
          <i />
          Vision Pipeline
        </a>
        <nav aria-label="Main">
          {places.map((place) => (
            <a key={place.path} href={place.path} aria-current={isAt(place.path) ? 'page' : undefined}>
              {place.name}
            </a>
          ))}
        </nav>
        <span class="end row">
          {signedInBy.value !== null && (
            <button type="button" class="btn plain" onClick={() => void signOut()}>
              Sign out
            </button>
          )}
          <button type="button" class="btn plain" onClick={showShortcuts}>
            Keyboard
          </button>
          <button type="button" class="btn plain" aria-label="Switch light or dark" onClick={switchTheme}>
            <Icon name="theme" />
          </button>
        </span>
      </header>
      {!reached.value && (
        <div class="note banner" role="alert">
          <span class="st bad">
            <Icon name="failed" />
            No connection to the pipeline.
          </span>{' '}
          Work goes on; only this page cannot see it. It tries again by itself.
        </div>
      )}
      <p class="loading" role="status">
        {isSlow.value && <span>Loading…</span>}
      </p>
      <main id="main" tabIndex={-1}>
        {access.value === 'unknown' ? null : <Fragment>{children}</Fragment>}
      </main>
      <Shortcuts />
      {(access.value === 'refused' || access.value === 'asked') && <SignIn />}
    </>
  )
}

function toTop(): void {
  scrollTo(0, 0)
  document.title = 'Vision Pipeline'
}

function NotFound() {
  return (
    <section class="empty">
      <p>There is no page at this address.</p>
      <a class="btn" href={`${base}/`}>
        Start a batch
        <Icon name="arrow" />
      </a>
    </section>
  )
}
