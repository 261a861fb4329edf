kmock! {}
