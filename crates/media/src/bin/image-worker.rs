//! A worker without anything around it, for tests of this package: elsewhere the server's own program is it.

fn main() -> std::io::Result<()> {
    media::work()
}
