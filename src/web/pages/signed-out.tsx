import { useLocation } from '@tanstack/react-router';
import { Command } from '../parts/command.tsx';
import { Logo } from '../parts/logo.tsx';

/** Shown at every address to whoever has no session. A refused sign-in link leads here with `?error=…`. */
export function SignedOutPage() {
  const refused = useLocation({ select: ({ searchStr }) => new URLSearchParams(searchStr).has('error') });
  return (
    <main className="signed-out">
      <title>Sign in · Emerald</title>
      <Logo />
      <h1>Sign in to Emerald</h1>
      {refused && (
        <p className="notice problem" role="alert">
          This sign-in link has been used already, or it is too old. Each link is good for one sign-in, for ten minutes.
        </p>
      )}
      <p>
        You sign in with a one-time link. <code>npm start</code> has printed one; make another in the same folder:
      </p>
      <Command lines="npx oz-server sign-in-link --data-dir .data" />
      <p>or, where the server is installed, on its machine:</p>
      <Command lines="oz-server sign-in-link" />
    </main>
  );
}
