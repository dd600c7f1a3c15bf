import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Session } from '../../protocol/session.ts';
import { signOut } from '../sign-out.ts';
import { Logo } from './logo.tsx';

export function PageHeader({ session }: { session: Session }) {
  return (
    <header className="page-header">
      <Link to="/" className="brand">
        <Logo />
        Emerald
      </Link>
      <span className="team" title="Team">
        {session.team.name}
      </span>
      <span className="who">{session.user.email}</span>
      <SignOut />
    </header>
  );
}

function SignOut() {
  const queries = useQueryClient();
  // Nothing that one person read may be left for the next.
  const { mutate, isPending } = useMutation({ mutationFn: signOut, onSuccess: () => queries.resetQueries() });
  return (
    <button type="button" className="quiet" disabled={isPending} onClick={() => mutate()}>
      Sign out
    </button>
  );
}
