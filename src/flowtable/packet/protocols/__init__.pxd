# One family of protocols each: a protocol is one function here and one row in the registry (_decode.pyx).
