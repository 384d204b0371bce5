import { render } from 'preact'
import { App } from './app.tsx'
import { access, comeBack, isReturn, openSession } from './session.ts'
import { startTheme } from './ui/theme.ts'

startTheme()
// Before anything is drawn: the address becomes that of the page which the reader was on.
const isOver = isReturn() && (await comeBack())
const place = document.getElementById('app')
if (isOver) {
  close()
  // Where a tab may not close itself.
  if (place) render(<p class="empty">The other tab goes on. This one can be closed.</p>, place)
} else {
  if (access.peek() === 'unknown') void openSession()
  if (place) render(<App />, place)
}
