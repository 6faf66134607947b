"""Help for the tests of a host and of this app: pictures, signed credentials, and what others add beside them."""
