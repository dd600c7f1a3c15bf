export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 24 24" aria-hidden="true">
      <path fill="#34d399" d="M7 3h10l5 6-10 12L2 9z" />
      <path fill="#059669" d="M7 3 2 9h6zm10 0 5 6h-6zM8 9l4 12L2 9z" />
      <path fill="#047857" d="m16 9-4 12L22 9z" />
    </svg>
  );
}
